"""The real rig: Hydra, Postgres, Toxiproxy and the queue as they are published."""
