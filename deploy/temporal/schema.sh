#!/bin/sh
# In: an empty or older PostgreSQL. Out: Temporal's two databases at the schema of this release.
# Safe to repeat: a database or version that exists is kept, and only newer versions are applied.
set -eu

schema() {
    tool="temporal-sql-tool --plugin postgres12 --ep $POSTGRES_SEEDS -p $DB_PORT -u $POSTGRES_USER --db $1"
    $tool create
    $tool setup-schema -v 0.0
    $tool update-schema -d "/etc/temporal/schema/postgresql/v12/$2/versioned"
}

schema temporal temporal
schema temporal_visibility visibility
