"""Sets the clock of a Python process that has this directory on its PYTHONPATH.

Python imports a module of this name first (docs.python.org, `site`). CLOCK_AHEAD: seconds.
"""

import os
import time

import time_machine

time_machine.travel(time.time() + float(os.environ["CLOCK_AHEAD"]), tick=True).start()
