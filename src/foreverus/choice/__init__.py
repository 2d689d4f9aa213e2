"""Which backend answers, our GPU or Bedrock: pure choices that come with their arithmetic."""
