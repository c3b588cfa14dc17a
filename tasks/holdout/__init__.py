"""The held-out rows' guard: scores on them within a budget, with noise, on record."""

from tasks.holdout.guard import HoldoutGuard as HoldoutGuard
from tasks.holdout.guard import SpentError as SpentError
from tasks.holdout.held_out import HeldOut as HeldOut
from tasks.holdout.ledger import Ledger as Ledger
from tasks.holdout.ledger import Line as Line
