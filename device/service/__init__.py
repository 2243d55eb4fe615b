"""What keeps a device going for months as a service of systemd: readiness, watchdog, heat, memory, the unit."""
