"""Tables, figures and pages made from stored results alone; nothing here needs torch."""
