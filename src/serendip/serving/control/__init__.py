"""Control: what the control room asks of a running service. The engine answers without it and knows nothing of it."""
