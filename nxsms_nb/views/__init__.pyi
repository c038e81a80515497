from . import compose as compose
from . import dashboard as dashboard
from . import plots as plots
from . import progress as progress
