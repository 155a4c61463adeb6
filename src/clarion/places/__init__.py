"""Places: geofences, beacons and the groups they are gathered in."""
