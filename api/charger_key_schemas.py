"""The bodies of answers about chargers' keys."""

from pydantic import Field

from api.schemas import Absent, AnswerBody


class NewKeyBody(AnswerBody):
    """A key that was made: told this once."""

    charger_id: str
    authorization_key: str = Field(description="40 hex digits, the value of the charger's AuthorizationKey.")
    user_name: str = Field(description="Of HTTP Basic: the charger's id.")
    before: str = Field(description="What opens beside it until it is first used.")
    sent: str | Absent = Field(None, description="What the charger said, if it was sent: Accepted, RebootRequired, …")


class NewKeyAnswer(AnswerBody):
    """A key that was made."""

    key: NewKeyBody


class ChargerAccessBody(AnswerBody):
    """How a charger proves who it is; never its key."""

    charger_id: str
    made_at: str | Absent = Field(None, description="When its key was made; absent: it is asked for none.")
    next_made_at: str | Absent = Field(None, description="When the key was made that has not been used yet.")
    security_profile: int = Field(description="The highest that it has used; a lower one is refused. 0 to 3.")
    last_address: str | Absent = Field(None, description="Where it last came from with a proof, for IPv6 the network.")


class ChargerAccessAnswer(AnswerBody):
    """How a charger proves who it is."""

    key: ChargerAccessBody
