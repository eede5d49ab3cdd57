"""Who says something, as people write it."""


def who(words: str) -> dict[str, str]:
    """`team manager/tm-1` as role and person. Raises ValueError where no person is named: somebody always says so."""
    role, _, person = words.partition("/")
    if not role.strip() or not person.strip():
        raise ValueError(
            f"{words!r} does not name a person. Write both the role and the person, such as 'team manager/tm-1'"
        )
    return {"role": role.strip(), "person": person.strip()}
