"""What runs around the application: gunicorn, logs, metrics, HTTP calls to others, Redis."""
