/**
 * The language of claims: one comparison of two arithmetic expressions over the metrics of a run.
 *
 *   claim      = expression ( ">=" | "<=" | ">" | "<" | "==" ) expression
 *              | expression "within" expression "of" expression
 *   expression = term { ( "+" | "-" ) term }
 *   term       = factor { ( "*" | "/" ) factor }
 *   factor     = number [ unit ] | name | ( "min" | "max" ) "(" expression { "," expression } ")" | "(" expression ")" | "-" factor
 *              | ( "least" | "most" | "median" ) "(" expression ")"      over the repetitions of a run
 *   name       = word { "." word }             "mpip.download.goodput"; words may hold "-", so a minus after a name needs a blank
 */
import { LabError } from '../error.js';
import { LITERAL_UNITS, type Quantity } from './quantity.js';

export type Comparison = '>=' | '<=' | '>' | '<' | '==';

/** Which of the values that an expression has in the repetitions of a run. */
export type OverRepetitions = 'least' | 'most' | 'median';

export type Expression =
  | { readonly kind: 'quantity'; readonly quantity: Quantity; readonly at: number }
  | { readonly kind: 'name'; readonly name: string; readonly at: number }
  | { readonly kind: 'negate'; readonly operand: Expression; readonly at: number }
  | {
      readonly kind: 'binary';
      readonly operator: '+' | '-' | '*' | '/';
      readonly left: Expression;
      readonly right: Expression;
      readonly at: number;
    }
  | {
      readonly kind: 'call';
      readonly name: 'min' | 'max';
      readonly operands: readonly Expression[];
      readonly at: number;
    }
  | { readonly kind: 'over'; readonly name: OverRepetitions; readonly operand: Expression; readonly at: number };

export type ClaimSyntax =
  | {
      readonly kind: 'compare';
      readonly operator: Comparison;
      readonly left: Expression;
      readonly right: Expression;
      readonly at: number;
    }
  | {
      readonly kind: 'within';
      readonly left: Expression;
      readonly tolerance: Expression;
      readonly right: Expression;
      readonly at: number;
    };

/** A claim that cannot be read or computed. `position` counts characters from 0. */
export class ClaimError extends LabError {
  override readonly name = 'ClaimError';

  constructor(
    code: 'E_CLAIM_SYNTAX' | 'E_CLAIM_METRIC' | 'E_CLAIM_UNIT' | 'E_CLAIM_NOT_FINITE',
    readonly claim: string,
    readonly position: number,
    readonly problem: string,
  ) {
    super(code, `${problem}\n  ${claim}\n  ${' '.repeat(position)}^`);
  }
}

interface Token {
  readonly kind: 'number' | 'word' | 'symbol' | 'end';
  readonly text: string;
  readonly at: number;
}

const TOKEN = /(\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)|([A-Za-z_][\w-]*(?:\.[A-Za-z_][\w-]*)*)|(>=|<=|==|[-+*/()<>,%])/y;
const COMPARISONS: ReadonlySet<string> = new Set(['>=', '<=', '>', '<', '==']);
const OVER_REPETITIONS: ReadonlySet<string> = new Set<OverRepetitions>(['least', 'most', 'median']);

/** Reads a claim. Throws ClaimError (E_CLAIM_SYNTAX) that points at the character. */
export function parseClaim(text: string): ClaimSyntax {
  return new Parser(text).claim();
}

/** Names that a claim uses, in order of appearance. */
export function namesIn(claim: ClaimSyntax): string[] {
  const names: string[] = [];
  const visit = (e: Expression): void => {
    if (e.kind === 'name') names.push(e.name);
    else if (e.kind === 'negate' || e.kind === 'over') visit(e.operand);
    else if (e.kind === 'call') e.operands.forEach(visit);
    else if (e.kind === 'binary') {
      visit(e.left);
      visit(e.right);
    }
  };
  visit(claim.left);
  if (claim.kind === 'within') visit(claim.tolerance);
  visit(claim.right);
  return names;
}

class Parser {
  private readonly tokens: Token[];
  private next = 0;

  constructor(private readonly text: string) {
    this.tokens = this.tokenize();
  }

  claim(): ClaimSyntax {
    const left = this.expression();
    const operator = this.take();
    let claim: ClaimSyntax;
    if (operator.kind === 'symbol' && COMPARISONS.has(operator.text)) {
      claim = {
        kind: 'compare',
        operator: operator.text as Comparison,
        left,
        right: this.expression(),
        at: operator.at,
      };
    } else if (operator.kind === 'word' && operator.text === 'within') {
      const tolerance = this.expression();
      this.expect('of');
      claim = { kind: 'within', left, tolerance, right: this.expression(), at: operator.at };
    } else {
      return this.fail(operator, 'a claim compares: expected >=, <=, >, <, == or "within ... of ..."');
    }
    const rest = this.take();
    if (rest.kind !== 'end') this.fail(rest, `expected the end of the claim, found "${rest.text}"`);
    return claim;
  }

  private expression(): Expression {
    let left = this.term();
    for (;;) {
      const operator = this.takeSymbol('+', '-');
      if (operator === null) return left;
      left = { kind: 'binary', operator: operator.text as '+' | '-', left, right: this.term(), at: operator.at };
    }
  }

  private term(): Expression {
    let left = this.factor();
    for (;;) {
      const operator = this.takeSymbol('*', '/');
      if (operator === null) return left;
      left = { kind: 'binary', operator: operator.text as '*' | '/', left, right: this.factor(), at: operator.at };
    }
  }

  private factor(): Expression {
    const token = this.take();
    if (token.kind === 'number') return { kind: 'quantity', quantity: this.quantity(token), at: token.at };
    if (token.kind === 'word' && token.text !== 'within' && token.text !== 'of') {
      if ((token.text === 'min' || token.text === 'max') && this.takeSymbol('(') !== null) {
        return { kind: 'call', name: token.text, operands: this.operands(), at: token.at };
      }
      if (OVER_REPETITIONS.has(token.text) && this.takeSymbol('(') !== null) {
        const operand = this.expression();
        this.expect(')');
        return { kind: 'over', name: token.text as OverRepetitions, operand, at: token.at };
      }
      return { kind: 'name', name: token.text, at: token.at };
    }
    if (token.text === '-') return { kind: 'negate', operand: this.factor(), at: token.at };
    if (token.text === '(') {
      const inside = this.expression();
      this.expect(')');
      return inside;
    }
    return this.fail(token, `expected a number or the name of a metric, found ${describe(token)}`);
  }

  private operands(): Expression[] {
    const operands = [this.expression()];
    while (this.takeSymbol(',') !== null) operands.push(this.expression());
    this.expect(')');
    return operands;
  }

  /** A number and the unit that stands right behind it. */
  private quantity(number: Token): Quantity {
    const value = Number(number.text);
    const after = this.tokens[this.next]!;
    if (after.at !== number.at + number.text.length || (after.kind !== 'word' && after.text !== '%')) {
      return { value, unit: '' };
    }
    this.next++;
    if (!Object.hasOwn(LITERAL_UNITS, after.text)) {
      this.fail(after, `"${after.text}" is no unit; allowed: ${Object.keys(LITERAL_UNITS).join(', ')}`);
    }
    const unit = LITERAL_UNITS[after.text]!;
    return { value: value * unit.value, unit: unit.unit };
  }

  private take(): Token {
    const token = this.tokens[this.next]!;
    if (token.kind !== 'end') this.next++;
    return token;
  }

  private takeSymbol(...texts: string[]): Token | null {
    const token = this.tokens[this.next]!;
    if (token.kind !== 'symbol' || !texts.includes(token.text)) return null;
    this.next++;
    return token;
  }

  private expect(text: string): void {
    const token = this.take();
    if (token.text !== text) this.fail(token, `expected "${text}", found ${describe(token)}`);
  }

  private tokenize(): Token[] {
    const tokens: Token[] = [];
    let at = 0;
    for (;;) {
      while (this.text[at] === ' ') at++;
      if (at >= this.text.length) break;
      TOKEN.lastIndex = at;
      const match = TOKEN.exec(this.text);
      if (match === null) {
        const character = String.fromCodePoint(this.text.codePointAt(at)!);
        throw new ClaimError('E_CLAIM_SYNTAX', this.text, at, `a claim has no use for "${character}"`);
      }
      const kind = match[1] !== undefined ? 'number' : match[2] !== undefined ? 'word' : 'symbol';
      tokens.push({ kind, text: match[0], at });
      at += match[0].length;
    }
    tokens.push({ kind: 'end', text: '', at: this.text.length });
    return tokens;
  }

  private fail(token: Token, problem: string): never {
    throw new ClaimError('E_CLAIM_SYNTAX', this.text, token.at, problem);
  }
}

function describe(token: Token): string {
  return token.kind === 'end' ? 'the end of the claim' : `"${token.text}"`;
}
