from . import looking as looking
from . import receiving as receiving
from . import sending as sending
from . import settling as settling
from . import trying as trying
