"""Decision tables: proved complete, looked up in constant time, explained.

Standard library only. Knows no oncology, no YAML, no HTTP and no Redis.
"""
