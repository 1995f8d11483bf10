print("heaptap")
