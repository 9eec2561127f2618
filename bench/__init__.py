"""How fast the service is, each figure beside its limit or peer in the same run: `make bench`."""
