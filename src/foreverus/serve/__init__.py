"""The API as a process on a host of its own, where it is not API Gateway's and Lambda's: `python -m foreverus.serve`.
What API Gateway does stands here; the routes, the authorizer and the chat API are the functions' own."""
