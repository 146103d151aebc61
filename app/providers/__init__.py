"""Payment providers behind one port. Providers do not know each other and are reached by name through the registry."""
