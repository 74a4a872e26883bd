"""The words of the field as this kit uses them, and the sentences for what is not there."""

from __future__ import annotations

TERMS: dict[str, str] = {
    "customer": "The person or account whose journey it is; in the log, a pseudonym.",
    "event log": "The table of what happened: customer, time, touchpoint, channel.",
    "journey": "One customer's touchpoints in order of time, within one episode.",
    "touchpoint": "One interaction of a customer with the brand (Lemon and Verhoef 2016).",
    "channel": "Where it happened: web, app, store, e-mail, phone, social.",
    "stage": "A phase of the journey, such as awareness or decision.",
    "persona": "A described group of customers that was found in the data.",
    "sentiment": "Tone of words, scores or ratings on a scale of -1 to 1.",
    "support": "How far a mean can be trusted: strong, fair, thin or none, by a stated rule.",
    "workshop map": "What a team believed of the journey before it was measured.",
    "pain point": "A touchpoint that does measurably worse than its like, for enough customers.",
    "moment of delight": "The same, better.",
    "intervention": "A change that was made, with a start and those who got it.",
    "effect": "The part of a difference that the design can attribute to the change.",
    "change": "A difference in time, whatever brought it about.",
    "interval": "The range in which the true value lies in 95 of 100 such studies.",
    "nps": "Net promoter score: share of 9-10 less share of 0-6, in points (Reichheld 2003).",
    "csat": "Share of answers in the best two of five.",
    "ces": "Mean customer effort; the direction of its scale is declared.",
    "retention_rate": "Customers active in both parts of a period, of those active in the first.",
    "repeat_purchase_rate": "Customers with two orders or more, of those with one or more.",
    "churn_rate": "Customers who left by contract, or by a stated number of days without an order.",
    "conversion_rate": "Customers who reached the outcome touchpoint, of all customers seen.",
    "average_order_value": "Money per order, refunds not counted.",
    "clv": "Expected margin of a customer over a horizon, discounted.",
    "scenario": "A future state that is imagined; what would follow if it came true, no forecast.",
    "credit": "A share of the outcomes, given by a rule to what came before; no effect.",
    "drift": "What differs from an earlier period, whatever brought it about.",
    "reaches_outcome": "Journeys that reach the outcome; of buyers, where it is to buy again.",
    "reaches_purchase": "Customers who buy at all, where the outcome is to buy again.",
    "touchpoints_per_journey": "Touchpoints until the outcome, or the end without it.",
    "money_per_1000_journeys": "Money of the further outcomes that 1,000 journeys would bring.",
    "money_per_year": "Money of the further outcomes that the journeys of a year would bring.",
    "evidence": "A randomised; B against untreated units; C one series or adjusted; D describes.",
}

NO_EVENTS = (
    "No source holds dated events. A source of `events`, `orders` or `tickets` would show this."
)
NO_VOICES = (
    "No source says how customers feel. A source of `surveys` or `feedback` would show this."
)
NO_WORDS = "No source holds customers' words."
NO_BELIEFS = (
    "No workshop map is named. Put what the team believed under `workshop_map` in the client file "
    "to have it scored."
)
NO_PERSONAS = (
    "There are no personas for this client: too few customers, or no grouping that is stable."
)
NO_PASSAGES = (
    "No customer was seen in two stages. Dated events of two stages or more would show this."
)
NO_CHANNELS = "No source tells the channel of enough contacts. A column `channel` would show this."
NO_DETOURS = "Too few customers left a stage, or went on from one, to be compared."
NO_STAGES = "No journey was seen in a stage, so there is no order to compare it with."
NO_TENURE = (
    "The client file does not say how long customers stay. A source of `customers` with `tenure` "
    "and `churned`, or `signup` and `churned_at`, would show this."
)
NO_CAME_BY = (
    "Loyalty cannot be told by channel: customers came by one channel alone, or it is not known."
)
NO_CAME_IN = (
    "Loyalty cannot be told by month: customers came in one month alone, or too few were followed "
    "for long enough."
)
NO_RENEWALS = "No renewals are projected: customers have no contract, or too few of them have left."
NO_COHORT_WORTH = "No cohort of customers without a contract was followed for the whole horizon."
NO_METRICS = (
    "No metric can be measured. A source of `orders`, `surveys`, or `customers` with `churned` "
    "would give one."
)
NO_PAINS = (
    "No touchpoint does clearly worse than its like, given the data and how many were compared."
)
NO_ASSOCIATIONS = (
    "No trouble could be compared: no outcome is followed, or too few met any and were spared."
)
NO_MONEY = (
    "No pain point has a price. It takes money in a source of `orders`, or `value_per_customer` "
    "under `outcome`, and a trouble that was measured."
)
NO_PERSONA_PAINS = "No persona fares clearly worse by itself, or the personas came too late."
NO_TRUTHS = "Too few customers for whom it went well, or badly, could be followed."
NO_DRIVERS = (
    "No source asks for several ratings at once. Further number columns in `surveys` or `feedback` "
    "would show this."
)
NO_THEMES = "No theme can be told: too few comments, or none that two halves of them share."
NO_TRENDS = "Too few comments by month or quarter to follow."
NO_LINKS = "No theme is spoken of more at a pain point than elsewhere."
NO_OPENINGS = "No source names products, or none is bought later more often by buyers of another."
NO_SCENARIOS = (
    "No scenario can be played. Name one under `scenarios` in the client file; without one, pain "
    "points that clearly go along with a worse outcome are needed."
)
NO_CREDIT = "Credit cannot be shared out: too few outcomes, or fewer than two channels before them."
NO_DRIFT = (
    "No earlier period can be compared. Name one under `compare_to`, or an earlier run's "
    "results under `earlier_results`, in the client file."
)
NO_CHANGES = (
    "No change has been declared. Name one under `interventions` in the client file to have it "
    "measured."
)
