"""The words and signs of Cypher, as tables.

A token's *kind* is a keyword in capitals, a sign as it stands, or one of the classes below. Every
keyword may also be a name (`RETURN n.order`, `(:Match)`), so that the parser decides by place.
"""

from __future__ import annotations

from typing import Final


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


# --- kinds of tokens that are neither a keyword nor a sign ---------------------------------------

NAME: Final = "name"
INTEGER: Final = "integer"
FLOAT: Final = "float"
STRING: Final = "string"
INTERPOLATED: Final = "interpolated string"
PARAMETER: Final = "parameter"
END: Final = "end of query"
COMMENT: Final = "comment"

#: Tokens that no query may hold; the lexer leaves it to the parser to say so, in order.
UNTERMINATED: Final = "unterminated"
BAD_NUMBER: Final = "malformed number"
BAD_CHARACTER: Final = "unknown character"

#: Arrow parts beyond ASCII that Neo4j reads in patterns, and in patterns only.
DASH: Final = "dash"
LEFT_HEAD: Final = "left arrow head"
RIGHT_HEAD: Final = "right arrow head"

SIGNS: Final = _words("( ) [ ] { } , : ; . = < > + - * / % ^ | & ! ? $ .. :: <= >= <> != =~ += ||")

#: Keywords that the parser asks for by kind. Other words (of DDL and administration) are compared
#: as text where they may stand.
KEYWORDS: Final = _words(
    """
    ALL ALLREDUCE ALLSHORTESTPATHS ALTER AND ANY AS ASC ASCENDING BEGIN BY CALL CASE COLLECT COMMIT
    CONTAINS COUNT CREATE CYPHER DEALLOCATE DELETE DENY DESC DESCENDING DETACH DISTINCT DROP DRYRUN
    ELSE ENABLE END ENDS EXISTS EXPLAIN FALSE FILTER FINISH FOR FOREACH GRANT GROUP IN INF INFINITY
    INSERT IS LET LIMIT LOAD MATCH MERGE NAN NEXT NODETACH NONE NORMALIZE NOT NULL OFFSET ON
    OPTIONAL OR ORDER PROFILE PROPERTY_EXISTS REALLOCATE REDUCE REMOVE RENAME RETURN REVOKE
    ROLLBACK SEARCH SET SHORTESTPATH SHOW SINGLE SKIP START STARTS STOP TERMINATE THEN TRIM TRUE
    UNION UNWIND USE USING VECTOR VECTOR_DISTANCE VECTOR_NORM WHEN WHERE WITH XOR YIELD
    """
)

#: Kinds that a name may have.
NAMES: Final = KEYWORDS | {NAME}

#: Words that start a clause of a query.
CLAUSE_STARTS: Final = _words(
    """
    CALL CREATE DELETE DETACH FILTER FINISH FOR FOREACH INSERT LET LIMIT LOAD MATCH MERGE NODETACH
    OFFSET OPTIONAL ORDER REMOVE RETURN SET SHOW SKIP TERMINATE UNWIND USE WITH
    """
)

#: Keywords that start a query rather than a name, also where a pattern may stand.
QUERY_STARTS: Final = CLAUSE_STARTS | _words("WHEN SHORTESTPATH ALLSHORTESTPATHS")

#: Keywords that are hardly ever meant as a name where a value or a name is expected. They are
#: read as one only where the next token can follow a value (see `AFTER_VALUE`): in
#: `WHERE RETURN n` a value is missing, in `RETURN order` none is.
RESERVED: Final = _words(
    """
    AND AS ASC BY CALL CONTAINS CREATE DELETE DESC DETACH DISTINCT ELSE END ENDS IN IS LIMIT MATCH
    MERGE NOT ON OPTIONAL OR ORDER REMOVE RETURN SET SKIP STARTS THEN UNION UNWIND USING WHEN WHERE
    WITH XOR YIELD
    """
)

#: What can stand after a value.
AFTER_VALUE: Final = CLAUSE_STARTS | _words(
    """
    AND AS ASC ASCENDING CONTAINS DESC DESCENDING ELSE END ENDS GROUP IN IS NEXT ON OR SEARCH
    STARTS THEN UNION USING WHEN WHERE XOR YIELD
    ) ] } , : ; . = < > + - * / % ^ | & .. :: <= >= <> != =~ += || [
    """
) | {END}  # fmt: skip

#: Kinds of tokens that a value may start with, but for brackets and signs.
VALUES: Final = NAMES - CLAUSE_STARTS | {INTEGER, FLOAT, STRING, INTERPOLATED, PARAMETER, "$"}

#: Words that the tree of a command keeps as words where they stand unquoted.
COMMAND_WORDS: Final = KEYWORDS | _words(
    """
    ACCESS ACTIVE ADD ADMIN ADMINISTRATOR ALIAS ALIASES ALL AS ASSIGN AT AUTH BOOSTED BUILT
    CASCADE CHANGE CIDR COMMAND COMMANDS COMPOSITE CONDITION CONSTRAINT CONSTRAINTS COPY
    CREDENTIAL CREDENTIALS CURRENT DATA DATABASE DATABASES DBMS DEFAULT DEFINED DESTROY DRIVER
    DUMP ELEMENT ELEMENTS ENABLED ENCRYPTED EXECUTABLE EXECUTE FORWARDING FROM FUNCTION FUNCTIONS
    GRAPH GRAPHS HOME ID IF IMMUTABLE IMPERSONATE INDEX INDEXES LABEL LABELS LANGUAGE MANAGEMENT
    METADATA NAME NAMES NEW NODE NODES NOWAIT OF OIDC ONLY OPTION OPTIONS PASSWORD PASSWORDS
    PLAINTEXT POPULATED PRIMARIES PRIMARY PRIVILEGE PRIVILEGES PROCEDURE PROCEDURES PROPERTIES
    PROPERTY PROVIDER PROVIDERS READ RELATIONSHIP RELATIONSHIPS REPLACE REPLICA REPLICAS REQUIRED
    RESTRICT ROLE ROLES RULE RULES SEC SECOND SECONDARIES SECONDARY SECONDS SECRET SECRETS SERVER
    SERVERS SETTING SETTINGS SHARD SHARDS STATUS SUPPORTED SUSPENDED TAG TAGS TARGET TO TOPOLOGY
    TRANSACTION TRANSACTIONS TRAVERSE TYPE TYPES URL USER USERS WAIT WRITE
    """
)
