"""The search attributes of a case: one table for the server's registration, the workflow and the command line.

They are plain text to whoever may list workflows, so they hold no personal data: opaque ids, roles and names of
rules only.
"""

from temporalio.api.enums.v1 import IndexedValueType
from temporalio.common import SearchAttributeKey

STAGE = SearchAttributeKey.for_keyword("Stage")
PROCEDURE = SearchAttributeKey.for_keyword("CaseProcedure")  # plain "Procedure" is a word of the query language
TEAM = SearchAttributeKey.for_keyword("Team")
ALLOCATED_TO = SearchAttributeKey.for_keyword("AllocatedTo")
NEXT_DUE = SearchAttributeKey.for_datetime("NextDue")
OVERDUE = SearchAttributeKey.for_keyword_list("Overdue")
WAITING_FOR = SearchAttributeKey.for_keyword_list("WaitingFor")
TROUBLE = SearchAttributeKey.for_keyword("Trouble")
"""Only of a case that cannot go on as it should: the record refuses what it decided."""

ALL = (STAGE, PROCEDURE, TEAM, ALLOCATED_TO, NEXT_DUE, OVERDUE, WAITING_FOR, TROUBLE)

TYPE_NAMES = {
    IndexedValueType.INDEXED_VALUE_TYPE_KEYWORD: "Keyword",
    IndexedValueType.INDEXED_VALUE_TYPE_DATETIME: "Datetime",
    IndexedValueType.INDEXED_VALUE_TYPE_KEYWORD_LIST: "KeywordList",
}


def registered() -> dict[str, str]:
    """Name to type, as Temporal's command line spells them."""
    return {key.name: TYPE_NAMES[key.indexed_value_type] for key in ALL}  # type: ignore[index]
