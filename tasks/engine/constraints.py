"""What a subset must respect, and the bookkeeping of it: one door to both."""

from tasks.engine.admission import Admission
from tasks.engine.limits import Limits, eligible

__all__ = ["Admission", "Limits", "eligible"]
