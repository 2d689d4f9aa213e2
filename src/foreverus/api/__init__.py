"""What REST routes share: requests, answers, lists and the JSON Schemas of everything that comes in. Any room
with routes may import it, and handlers do."""
