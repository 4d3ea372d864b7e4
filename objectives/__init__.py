"""What a trial does: fine-tuning on binding sites, and objectives with known answers."""
