#!/bin/busybox sh
# First program of the virtual machine: makes this machine's files its own (what it writes stays in its memory), runs one command and
# powers off. Its last words go to the second serial line, as JSON: {"type":"exit","status":N}.
b=/bin/busybox

give_up() {
  echo "virtual machine: $1"
  $b poweroff -f
}

$b mount -t proc proc /proc
$b mount -t sysfs sysfs /sys
$b mount -t devtmpfs devtmpfs /dev
for module in $($b cat /modules/order); do
  $b insmod "/modules/$module" || give_up "cannot load $module"
done

$b mount -t virtiofs -o ro host /host || give_up "cannot see the host's files"
$b mount -t tmpfs -o mode=755 memory /memory
$b mkdir /memory/written /memory/work
$b mount -t overlay -o lowerdir=/host,upperdir=/memory/written,workdir=/memory/work root /root || give_up "cannot make a root"
for folder in proc sys dev; do $b mount --bind "/$folder" "/root/$folder"; done
$b mount -t tmpfs -o mode=755 run /root/run
$b mkdir -p /root/dev/pts /root/dev/shm /root/run/netns
$b mount -t devpts devpts /root/dev/pts
$b mount -t tmpfs shm /root/dev/shm
$b mount -t cgroup2 cgroup2 /root/sys/fs/cgroup

# The kernel starts this program for modules that netns, tc or nft ask for; outside of the new root, where it was started itself.
$b mkdir -p /lib/modules
$b ln -s "/root$($b cat /modules/folder)" "/lib/modules/$($b uname -r)"
$b ln -s busybox /bin/modprobe
echo /bin/modprobe >/proc/sys/kernel/modprobe
for module in $($b cat /modules/wanted); do /bin/modprobe "$module" || give_up "cannot load $module"; done

$b stty -F /root/dev/ttyS1 raw
$b chroot /root /bin/sh "$($b cat /modules/command)"
echo "{\"type\":\"exit\",\"status\":$?}" >/root/dev/ttyS1
$b poweroff -f
