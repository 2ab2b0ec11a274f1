"""What Kubernetes forgets and Seaway keeps: every revision of pods, events and nodes that mattered, and every log line.

Readers of status and logs read from here and never from a pod, so that they work after it is gone. It observes and stores;
it decides nothing and changes nothing in the cluster.
"""
