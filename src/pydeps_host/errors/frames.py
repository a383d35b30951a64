"""What a traceback keeps of the code that it leads through."""

import traceback


def forget_locals(problem: BaseException) -> None:
    """Empty the frames that an exception leads through, and those of its causes: their variables may hold secrets.

    Frames that still run keep what they have.
    """
    seen: set[int] = set()
    left: list[BaseException | None] = [problem]
    while left:
        one = left.pop()
        if one is not None and id(one) not in seen:
            seen.add(id(one))
            traceback.clear_frames(one.__traceback__)
            left += [one.__cause__, one.__context__]
