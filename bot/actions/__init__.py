"""What 小驿 does: one module per skill. Knows no Rasa server, only its SDK."""
