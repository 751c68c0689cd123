#!/bin/sh
# The roles and the database of Weft, when the container of Postgres makes its data folder.
set -eu
psql --username postgres --no-psqlrc --set ON_ERROR_STOP=1 \
    --set owner_password="$WEFT_OWNER_PASSWORD" --set password="$WEFT_DB_PASSWORD" --file /roles.sql
