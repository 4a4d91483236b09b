"""The database: tables, migrations, a schema per tenant and mode, transactions in it, API keys.

`tables.py` is the one source of truth. `database.py` opens every unit of work as the tenant's own
role with the tenant's own search path, so that PostgreSQL itself refuses a look next door.
"""
