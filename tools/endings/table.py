"""All endings, by name."""

from __future__ import annotations

from tools.endings.admission import ADMISSION
from tools.endings.ending import Ending
from tools.endings.lives import LIVES
from tools.endings.nodes import NODES
from tools.endings.programs import PROGRAMS
from tools.endings.scheduling import SCHEDULING
from tools.endings.services import SERVICES
from tools.endings.setups import SETUPS

ENDINGS: dict[str, Ending] = {**PROGRAMS, **SERVICES, **SETUPS, **SCHEDULING, **ADMISSION, **LIVES, **NODES}
