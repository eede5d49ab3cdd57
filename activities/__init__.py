"""What touches the world: the records in Postgres, the notices, and the snapshots a case begins with.

Every activity can be repeated for ever without harm, and every one says in `activities.table` by which name the
workflow calls it. `activities.reading` is for people: lists of cases, trays, chronologies.
"""
