"""Say how old an unresolved payment has become, at the ages that `rules.ALERT_AGES` lists."""

import time
from datetime import timedelta

from processor.engine import Processor
from processor.jobs import Job
from processor.unresolved_payments import rules, store
from processor.unresolved_payments.objects import UnresolvedPayment


async def speak(processor: Processor, job: Job, livemode: bool) -> timedelta | None:
    """The job of one item. Each age is spoken of once, whoever dies; one that nobody was there to
    speak of is passed over for the next."""
    async with processor.database.tenant(job.schema) as connection:
        item = await UnresolvedPayment.find(connection, job.subject, "for update")
        if item is None or item.status == "resolved":
            return None
        age = int(time.time()) - item.since
        alert = rules.next_alert(age, item.details.alerted)
        if alert is not None and alert <= age:
            item.details.alerted = alert
            item.version += 1
            await UnresolvedPayment.update(connection, [item])
            await store.announce(connection, livemode, [(item, "aged")])
            alert = rules.next_alert(age, alert)
    return None if alert is None else timedelta(seconds=alert - age)
