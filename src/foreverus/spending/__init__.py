"""What was used and what it cost, and what something would cost: for people who look before they spend."""
