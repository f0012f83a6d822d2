"""The program that loads, runs and exports a network of the user's, in a process of its own.

It is packed into one file, with what else it needs (guidelines.export.apart.PACKED), and run by the
Python that the user's code needs: 3.9 or newer with torch, or for an ONNX file with onnx and
onnxruntime. It gets the name of a file with a request, and answers into a folder:

    request   {"model": what the user typed, "format": "onnx" | "torch" | "exported",
               "backend": its name,
               "count": whether to count alone, "seed": n, "out": folder,
               "memory": the most bytes to take, "caller": the process to end with,
               "file": path | null, "module": name | null,
               "attribute": name | null, "search": folders where modules are found first,
               "inputs": [{"name", "shape", "kind"}], "values": path | "",
               "ranges": [{"name", "low", "high"}]}
    stage     what it is doing, as the end of "while it was …"
    answer    {"refused": sentence}, or what guidelines.export.apart.Answer holds
    model, expected.npz, values.npz, weights    the files of the export
"""
