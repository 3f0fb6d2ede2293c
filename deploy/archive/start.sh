# Orthanc with the password of a secret: its settings are written to memory, never to the image.
set -eu
umask 077
sed "s/@PASSWORD@/$(cat /run/secrets/archive-password)/" /etc/mdfnet/orthanc.json > /tmp/orthanc.json
exec Orthanc /tmp/orthanc.json
