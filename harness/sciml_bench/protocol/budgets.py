"""What one cell may use, tier by tier."""

from ..method.contract import Budget

BUDGETS = {
    "smoke": Budget(seconds=120, memory_gib=8),
    "small": Budget(seconds=900, memory_gib=8),
    "full": Budget(seconds=6 * 3600, memory_gib=64),
}
