"""Our own services, each its own process: edge, login_consent, authz, replayer."""
