"""What every request passes: limits, checks of bodies, and errors as problem documents."""
