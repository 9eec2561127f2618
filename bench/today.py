"""The day of the benchmark: that of this machine, since the servers judge dates by it."""

import datetime as dt

TODAY = dt.datetime.now(dt.UTC).date()
