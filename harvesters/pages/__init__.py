"""The administrator's pages of harvest sources, below ``/harvest``. They call the engine's actions and nothing else."""
