"""The embedded services (PostgreSQL, Redis, web server, worker) and the ``ogptn`` command.

This room stands alone: it imports CKAN's libraries' clients, never a plugin of ours, so that it can say what is wrong with a site whose
plugins do not load.
"""
