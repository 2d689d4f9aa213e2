"""The least that keeps the same promises: functions of plain boto3, of the same kinds and behind the same triggers as
ours, which make the calls that nobody can leave out and nothing else. The baselines of the ways to the first word.

A **chat on Bedrock** (`accept.py`, `answer.py`):

1. one BatchGetItem: conversation and title, the person's preference, messages and tokens of the day, whether Bedrock
   has refused lately, what the month has spent and reserved: for the choice, the limits and the cap;
2. one Query: whether a GPU is on, which `auto` would take, and the kept choice tells of;
3. one TransactWriteItems: question, conversation, what waits, the person's count: accepted once, in order, within the
   limit, and found again after a crash;
4. the call of the answering function, not waited for;
5. its lease, and one Query of what waits: one call answers a conversation, oldest message first;
6. the thread (Query), the conversation and the month (BatchGetItem), and who watches (Query);
7. one TransactWriteItems: the answer is begun while it waits for Bedrock, and what that may cost is reserved;
8. ConverseStream, and the push.

An **OpenAI request** (`stream.py`): one BatchGetItem (counts of person, key and all, tokens of the day, preference,
refusals, the month), one TransactWriteItems (three places and the reservation), ConverseStream. Its status is sent with
the first word, for what Bedrock refuses has another one. Its end: one transaction for cost, usage and reservation, a
read and a transaction for the places. On the GPU no reservation, but four reads of how full it is, and one transaction
that keeps the request for a worker; the queue and the relay are measured beside it.

Their rights are those of our functions, to items of their own. They check nothing of what they are sent, shape no
errors, log and trace nothing, and hold no history in a prompt.
"""
