#!/bin/bash
# Puts the engine's image and the weights onto the instance's own disk where it has one: faster than its volume, and its
# price is in the instance's. 10 GB of image become 25 GB on the disk. Always succeeds: the volume is there in any case.
# Not for a bake, nor for a machine that starts from its image: start.sh knows those.
set -uo pipefail
root=${ROOT:-} nvme=${ROOT:-}/opt/dlami/nvme weights=${ROOT:-}/opt/foreverus/weights

# The machine image mounts that disk itself, and may still be at it; the folder alone says nothing.
has_own_disk() {
  local tries
  for ((tries = 0; tries < 30; tries++)); do
    mountpoint -q "$nvme" && return 0
    compgen -G "$root/dev/disk/by-id/nvme-Amazon_EC2_NVMe_Instance_Storage*" > /dev/null || return 1
    sleep 1
  done
  return 1
}

# Docker keeps images in its own folder or, from version 29 on, in containerd's.
move_docker() {
  local name moved=()
  systemctl stop docker.socket docker.service containerd.service
  for name in containerd docker; do
    mkdir -p "$nvme/$name" "$root/var/lib/$name" && mount --bind "$nvme/$name" "$root/var/lib/$name" && moved+=("$name")
  done
  systemctl start containerd.service docker.service && return 0
  echo "docker does not start on the instance's own disk: it goes back to the volume"
  systemctl stop docker.socket docker.service containerd.service
  for name in "${moved[@]}"; do umount "$root/var/lib/$name"; done
  systemctl reset-failed docker.service containerd.service
  systemctl start containerd.service docker.service
}

if ! has_own_disk; then
  mkdir -p "$weights"
  echo "image and weights are on the volume"
  exit 0
fi
mkdir -p "$nvme/weights" && ln -sfn "$nvme/weights" "$weights"
move_docker
exit 0
