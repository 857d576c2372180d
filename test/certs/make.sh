#!/bin/sh
# Makes every certificate of this folder anew. Needs OpenSSL 3; run it by hand: the results are part of the tests.
set -eu
cd "$(dirname "$0")"
rm -f ./*.pem
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

YEARS_100=36500

# authority NAME: a certificate authority with its books in $work/NAME.
authority() {
  mkdir "$work/$1"
  : > "$work/$1/index.txt"
  echo 1000 > "$work/$1/serial"
  echo 1000 > "$work/$1/crlnumber"
  cat > "$work/$1/ca.cnf" <<CNF
[ca]
default_ca = this
[this]
dir = $work/$1
new_certs_dir = $work/$1
database = $work/$1/index.txt
serial = $work/$1/serial
crlnumber = $work/$1/crlnumber
certificate = $1.pem
private_key = $work/$1/key.pem
default_md = sha256
policy = anything
unique_subject = no
copy_extensions = copy
default_crl_days = $YEARS_100
[anything]
countryName = optional
organizationName = optional
organizationalUnitName = optional
commonName = optional
CNF
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days $YEARS_100 \
    -keyout "$work/$1/key.pem" -out "$1.pem" -subj "/O=shardmq tests/CN=$1" \
    -addext 'basicConstraints=critical,CA:TRUE' -addext 'keyUsage=critical,keyCertSign,cRLSign' 2> /dev/null
}

# certificate CA NAME KEYTYPE SUBJECT EXTENSION [CA OPTION...]: NAME.pem and NAME.key.pem
certificate() {
  ca=$1 name=$2 keytype=$3 subject=$4 extension=$5
  shift 5
  case $keytype in
    rsa) set -- rsa:2048 "$@" ;;
    ecdsa) set -- ec "$@" ;;
  esac
  kind=$1
  shift
  if [ "$kind" = ec ]; then curve='-pkeyopt ec_paramgen_curve:P-256'; else curve=''; fi
  # shellcheck disable=SC2086
  openssl req -new -newkey "$kind" $curve -nodes -keyout "$name.key.pem" -out "$work/$name.csr" \
    -subj "$subject" -addext "$extension" 2> /dev/null
  openssl ca -batch -notext -config "$work/$ca/ca.cnf" -in "$work/$name.csr" -out "$name.pem" \
    -days $YEARS_100 "$@" 2> /dev/null
}

authority ca
authority other-ca

HOSTS='subjectAltName=DNS:localhost,IP:127.0.0.1,IP:::1'
certificate ca server-rsa rsa '/O=shardmq tests/CN=localhost' "$HOSTS"
certificate ca server-ecdsa ecdsa '/O=shardmq tests/CN=localhost' "$HOSTS"
certificate ca server-expired ecdsa '/O=shardmq tests/CN=localhost' "$HOSTS" \
  -startdate 20200101000000Z -enddate 20210101000000Z
certificate ca sni-exact ecdsa '/O=shardmq tests/CN=not.in.san.example' 'subjectAltName=DNS:one.wild.example'
certificate ca sni-wildcard ecdsa '/O=shardmq tests/CN=wild.example' \
  'subjectAltName=DNS:wild.example,DNS:*.wild.example'
certificate ca sni-name-only rsa '/O=shardmq tests/CN=cn-only.example' 'basicConstraints=CA:FALSE'

USAGE='extendedKeyUsage=clientAuth'
certificate ca client ecdsa '/C=DE/O=shardmq tests/OU=Line 1, West/CN=meter-0001' "$USAGE"
certificate ca client-no-name ecdsa '/C=DE/O=shardmq tests' "$USAGE"
certificate ca client-expired ecdsa '/O=shardmq tests/CN=meter-0002' "$USAGE" \
  -startdate 20200101000000Z -enddate 20210101000000Z
certificate ca client-revoked ecdsa '/O=shardmq tests/CN=meter-0003' "$USAGE"
certificate other-ca client-unknown ecdsa '/O=shardmq tests/CN=meter-0001' "$USAGE"

openssl ca -config "$work/ca/ca.cnf" -revoke client-revoked.pem 2> /dev/null
openssl ca -config "$work/ca/ca.cnf" -gencrl -out crl.pem 2> /dev/null
openssl genpkey -genparam -algorithm DH -pkeyopt group:ffdhe2048 -out dh.pem
