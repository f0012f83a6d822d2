"""Tables, figures and pages made from stored results alone; nothing here needs torch."""

if __name__ == "reports":
    from guideline_benchmarks import short_names

    short_names.serve(__name__)
