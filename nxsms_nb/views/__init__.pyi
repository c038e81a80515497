from . import dashboard as dashboard
from . import plots as plots
