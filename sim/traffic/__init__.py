"""Who calls: topology, population, personas, arrivals and the plan."""
