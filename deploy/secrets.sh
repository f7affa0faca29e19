#!/bin/sh
# Makes the secrets of a deployment: random passwords, and the addresses and configurations that hold them.
#
#   sh deploy/secrets.sh deploy/compose/secrets       # or deploy/kubernetes/secrets
#
# A file that is there already stays as it is. The folder is its owner's alone; its files can be read by the containers,
# whose user is another one.
set -eu
umask 077
folder=${1:?which folder: deploy/compose/secrets or deploy/kubernetes/secrets}
mkdir -p "$folder"

password() { # of a store: made once, and kept
  [ -s "$folder/$1" ] || { od -An -v -tx1 -N24 /dev/urandom | tr -d ' \n'; } > "$folder/$1"
  cat "$folder/$1"
}
secret() { # from standard input, unless it is there
  if [ -s "$folder/$1" ]; then cat > /dev/null; else cat > "$folder/$1"; fi
}

postgres=$(password postgres_password)
redis=$(password redis_password)
nats=$(password nats_password)

secret SHOPSIGHT_DAGSTER_POSTGRES_URL <<END
postgresql://dagster:$postgres@postgres:5432/dagster
END
secret SHOPSIGHT_ONLINE_STORE <<END
redis://:$redis@redis:6379/0
END
secret SHOPSIGHT_EVENT_STREAM <<END
nats://shopsight:$nats@nats:4222
END
secret redis.conf <<END
requirepass $redis
appendonly yes
dir /data
END
secret nats.conf <<END
http: 127.0.0.1:8222
jetstream { store_dir: /data }
authorization { user: shopsight, password: "$nats" }
END
chmod 700 "$folder"
chmod 444 "$folder"/*
