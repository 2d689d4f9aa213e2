"""What runs in our own container, on Fargate and on a laptop: it takes jobs from the queue and ends by itself."""
