"""What the system tests stand on: TAP, servers under test, a STUN and TURN client, namespaces."""
