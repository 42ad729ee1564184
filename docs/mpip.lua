-- MPIP for Wireshark and tshark: the CM block, tags, control messages, and the inner TCP header of data (docs/wire.md).
--
--   tshark -X lua_script:docs/mpip.lua -r capture.pcapng -Y mpip
--   wireshark -X lua_script:docs/mpip.lua capture.pcapng        (or copy it to Help > About > Folders > Personal Lua Plugins)
--
-- An MPIP datagram has no header: its CM block stands at the end. It does not say whether its session is TCP or UDP; a data
-- message is shown with a TCP header where it begins with a plausible one.

local PORT = 6747
local CM_BYTES, TAG_BYTES, VERSION = 25, 8, 1
local FLAG_AUTHENTICATED, FLAG_FEEDBACK = 0x04, 0x40

local TYPES = {
  [0] = "data", "open", "open-ack", "hello", "welcome", "probe", "probe-reply", "report", "heartbeat", "addresses", "goodbye", "bind", "bound", "icmp",
}
local TLVS = {
  "versions", "node id", "incarnation", "nonce", "key", "addresses", "capabilities", "echo", "source", "destination",
  "protocol", "answer", "challenge", "path", "observed", "path reports", "sent packets", "sent bytes", "sequence", "reason",
  "padding", "traits", "icmp type", "icmp code", "icmp rest", "transport header", "port", "nic",
}
local REASONS = { [0] = "unknown session", "shutdown", "restart" }

local mpip = Proto("mpip", "Multipath IP")
local f = {
  version = ProtoField.uint8("mpip.version", "Version", base.DEC, nil, 0xf0),
  type = ProtoField.uint8("mpip.type", "Type", base.DEC, TYPES, 0x0f),
  flags = ProtoField.uint8("mpip.flags", "Flags", base.HEX),
  address_change = ProtoField.bool("mpip.flags.address_change", "Address change", 8, nil, 0x01),
  duplicate = ProtoField.bool("mpip.flags.duplicate", "Duplicate", 8, nil, 0x02),
  authenticated = ProtoField.bool("mpip.flags.authenticated", "A tag follows", 8, nil, FLAG_AUTHENTICATED),
  from_opener = ProtoField.bool("mpip.flags.from_opener", "Sender opened the session", 8, nil, 0x08),
  ecn = ProtoField.uint8("mpip.flags.ecn", "ECN of the inner packet", base.DEC, nil, 0x30),
  feedback = ProtoField.bool("mpip.flags.feedback", "Feedback is valid", 8, nil, FLAG_FEEDBACK),
  path_begins = ProtoField.bool("mpip.flags.path_begins", "Session began to use another path", 8, nil, 0x80),
  node = ProtoField.uint32("mpip.node", "Node id", base.HEX),
  session = ProtoField.uint16("mpip.session", "Session", base.DEC),
  path = ProtoField.uint8("mpip.path", "Path", base.DEC),
  feedback_path = ProtoField.uint8("mpip.feedback_path", "Feedback path", base.DEC),
  timestamp = ProtoField.uint32("mpip.timestamp", "Timestamp (us)", base.DEC),
  delay = ProtoField.int32("mpip.delay", "Path delay (us)", base.DEC),
  sequence = ProtoField.uint32("mpip.sequence", "Sequence number", base.DEC),
  digest = ProtoField.uint24("mpip.digest", "Digest of the address list", base.HEX),
  tag = ProtoField.bytes("mpip.tag", "Tag"),
  payload = ProtoField.bytes("mpip.payload", "Payload"),
  payload_bytes = ProtoField.uint32("mpip.payload.bytes", "Payload bytes", base.DEC),
  source_port = ProtoField.uint16("mpip.tcp.source_port", "Source port", base.DEC),
  destination_port = ProtoField.uint16("mpip.tcp.destination_port", "Destination port", base.DEC),
  tcp_sequence = ProtoField.uint32("mpip.tcp.sequence", "Sequence number", base.DEC),
  tcp_ack = ProtoField.uint32("mpip.tcp.ack", "Acknowledgment number", base.DEC),
  tcp_flags = ProtoField.uint8("mpip.tcp.flags", "Flags", base.HEX),
  tlv_type = ProtoField.uint8("mpip.tlv.type", "TLV type", base.DEC, TLVS),
  tlv_length = ProtoField.uint16("mpip.tlv.length", "TLV length", base.DEC),
  bytes = ProtoField.bytes("mpip.tlv.bytes", "Value"),
  number = ProtoField.uint32("mpip.tlv.number", "Value", base.DEC),
  address4 = ProtoField.ipv4("mpip.tlv.ipv4", "Address"),
  address6 = ProtoField.ipv6("mpip.tlv.ipv6", "Address"),
  port = ProtoField.uint16("mpip.tlv.port", "Port", base.DEC),
  traits = ProtoField.uint8("mpip.tlv.traits", "Traits (1 metered, 2 backup)", base.HEX),
  reason = ProtoField.uint8("mpip.tlv.reason", "Reason", base.DEC, REASONS),
  report_path = ProtoField.uint8("mpip.report.path", "Path", base.DEC),
  report_packets = ProtoField.uint32("mpip.report.packets", "Packets", base.DEC),
  report_bytes = ProtoField.uint32("mpip.report.bytes", "Bytes", base.DEC),
  report_lost = ProtoField.uint32("mpip.report.lost", "Lost", base.DEC),
  report_last = ProtoField.uint32("mpip.report.last_arrival", "Last arrival (us)", base.DEC),
  report_delay = ProtoField.int32("mpip.report.delay", "Delay (us)", base.DEC),
  report_min = ProtoField.int32("mpip.report.min_delay", "Least delay (us)", base.DEC),
  report_jitter = ProtoField.uint32("mpip.report.jitter", "Jitter (us)", base.DEC),
  report_longest = ProtoField.uint16("mpip.report.longest", "Longest datagram", base.DEC),
}
local fields = {}
for _, field in pairs(f) do fields[#fields + 1] = field end
mpip.fields = fields
local malformed = ProtoExpert.new("mpip.malformed", "Malformed list of TLVs", expert.group.MALFORMED, expert.severity.ERROR)
mpip.experts = { malformed }

-- Offset of the CM block, and whether a tag follows; nil where there is none.
local function find_cm(buffer)
  local function looks_like(at, authenticated)
    if at < 0 then return false end
    local first, flags = buffer(at, 1):uint(), buffer(at + 1, 1):uint()
    if bit.band(first, 0xf0) ~= VERSION * 16 or TYPES[bit.band(first, 0x0f)] == nil then return false end
    return (bit.band(flags, FLAG_AUTHENTICATED) ~= 0) == authenticated
  end
  local tagged, plain = buffer:len() - CM_BYTES - TAG_BYTES, buffer:len() - CM_BYTES
  if looks_like(tagged, true) then return tagged, true end
  if looks_like(plain, false) then return plain, false end
  return nil
end

local function endpoints(value, tree)
  local at = 0
  while at < value:len() do
    local bytes = value(at, 1):uint() == 4 and 4 or 16
    if at + bytes + 3 > value:len() then
      tree:add_proto_expert_info(malformed)
      return
    end
    tree:add(bytes == 4 and f.address4 or f.address6, value(at + 1, bytes))
    tree:add(f.port, value(at + 1 + bytes, 2))
    at = at + bytes + 3
  end
end

local function path_reports(value, tree)
  local layout = {
    { f.report_path, 0, 1 }, { f.report_packets, 1, 4 }, { f.report_bytes, 5, 4 }, { f.report_lost, 9, 4 },
    { f.report_last, 13, 4 }, { f.report_delay, 17, 4 }, { f.report_min, 21, 4 }, { f.report_jitter, 25, 4 },
    { f.report_longest, 29, 2 },
  }
  for at = 0, value:len() - 31, 31 do
    local report = tree:add(mpip, value(at, 31), "Path " .. value(at, 1):uint())
    for _, part in ipairs(layout) do report:add(part[1], value(at + part[2], part[3])) end
  end
end

local NUMBERS = {
  [3] = true, [7] = true, [11] = true, [12] = true, [14] = true, [17] = true, [18] = true, [19] = true, [23] = true, [24] = true, [25] = true,
  [27] = true, [28] = true,
}
local ENDPOINTS = { [6] = true, [9] = true, [10] = true, [15] = true }

local function tlvs(body, tree)
  local at = 0
  while at + 3 <= body:len() do
    local type, length = body(at, 1):uint(), body(at + 1, 2):uint()
    if at + 3 + length > body:len() then break end
    local tlv = tree:add(mpip, body(at, 3 + length), TLVS[type] or ("TLV " .. type))
    tlv:add(f.tlv_type, body(at, 1))
    tlv:add(f.tlv_length, body(at + 1, 2))
    if length > 0 then
      local value = body(at + 3, length)
      if ENDPOINTS[type] then endpoints(value, tlv)
      elseif type == 16 then path_reports(value, tlv)
      elseif type == 20 and length == 1 then tlv:add(f.reason, value)
      elseif type == 22 and length == 1 then tlv:add(f.traits, value)
      elseif NUMBERS[type] and length <= 4 then tlv:add(f.number, value)
      else tlv:add(f.bytes, value) end
    end
    at = at + 3 + length
  end
  if at ~= body:len() then tree:add_proto_expert_info(malformed) end
end

local function data(body, tree)
  local length, from = body:len(), 0
  if length >= 20 then
    local header = bit.rshift(body(12, 1):uint(), 4) * 4
    -- Reserved bits are zero, and some flag is set.
    if header >= 20 and header <= length and bit.band(body(12, 1):uint(), 0x0e) == 0 and body(13, 1):uint() ~= 0 then
      local tcp = tree:add(mpip, body(0, header), "TCP header, or the begin of a UDP payload")
      tcp:add(f.source_port, body(0, 2))
      tcp:add(f.destination_port, body(2, 2))
      tcp:add(f.tcp_sequence, body(4, 4))
      tcp:add(f.tcp_ack, body(8, 4))
      tcp:add(f.tcp_flags, body(13, 1))
      from = header
    end
  end
  tree:add(f.payload_bytes, length - from):set_generated()
  if length > from then tree:add(f.payload, body(from)) end
end

function mpip.dissector(buffer, pinfo, root)
  local at, tagged = find_cm(buffer)
  if at == nil then return 0 end
  local cm = buffer(at, CM_BYTES)
  local type = bit.band(cm(0, 1):uint(), 0x0f)
  local name = TYPES[type]
  pinfo.cols.protocol = "MPIP"
  pinfo.cols.info = string.format("%s, session %d, path %d, seq %d", name, cm(6, 2):uint(), cm(8, 1):uint(), cm(18, 4):uint())

  local tree = root:add(mpip, buffer(), "Multipath IP, " .. name)
  if at > 0 then
    local body = buffer(0, at):tvb()
    if type == 0 then data(body, tree) else tlvs(body, tree) end
  end
  local block = tree:add(mpip, cm, "Control message block")
  block:add(f.version, cm(0, 1))
  block:add(f.type, cm(0, 1))
  local flags = block:add(f.flags, cm(1, 1))
  for _, flag in ipairs({ "address_change", "duplicate", "authenticated", "from_opener", "ecn", "feedback", "path_begins" }) do
    flags:add(f[flag], cm(1, 1))
  end
  block:add(f.node, cm(2, 4))
  block:add(f.session, cm(6, 2))
  block:add(f.path, cm(8, 1))
  block:add(f.feedback_path, cm(9, 1))
  block:add(f.timestamp, cm(10, 4))
  block:add(f.delay, cm(14, 4))
  block:add(f.sequence, cm(18, 4))
  block:add(f.digest, cm(22, 3))
  if tagged then tree:add(f.tag, buffer(at + CM_BYTES, TAG_BYTES)) end
  return buffer:len()
end

DissectorTable.get("udp.port"):add(PORT, mpip)
-- A path by TCP: each segment is one datagram (frames that the capturing machine has joined by GRO show their last one).
DissectorTable.get("tcp.port"):add(PORT, mpip)
