"""What invented customers say, by client and topic. Every sentence and contact is made up."""

from __future__ import annotations

CLOTHING: dict[str, tuple[str, ...]] = {
    "late delivery": (
        "The parcel took over a week and nobody told me why.",
        "Ordered for a birthday, the delivery came four days too late.",
        "Tracking said out for delivery for three days in a row.",
        "Delivery promised in three days, arrived after nine.",
        "Still waiting for my parcel, the courier keeps moving the date.",
        "Slow delivery again, next time I will buy in town.",
        "The coat is lovely but the delivery was far too slow.",
    ),
    "delivery": (
        "Delivery was quick and the box was tidy.",
        "Arrived on the second day, well packed.",
        "The courier was friendly and on time.",
        "Parcel came exactly when they said it would.",
        "Fast delivery, no complaints.",
    ),
    "store pick-up": (
        "Picked it up in the shop on my lunch break, so easy.",
        "Store pick-up was ready in two hours, brilliant.",
        "The girl at the pick-up counter found my parcel in seconds.",
        "Love collecting in store, I could try it on straight away.",
        "Pick-up point is beside my bus stop, could not be handier.",
        "Collected the dress in store and swapped the size there and then, great service.",
    ),
    "return": (
        "Sending the jeans back was simple, label in the box.",
        "Refund came within a week.",
        "Had to print the return label myself, bit of a nuisance.",
        "Returned two of three, took a while for the refund to show.",
        "The refund took nearly three weeks, not happy.",
    ),
    "mobile checkout": (
        "The checkout on my phone kept throwing me back to the basket.",
        "Had to make an account on my phone before I could pay, gave up.",
        "Keyboard covers the card field on the phone checkout.",
        "Address form on mobile emptied itself twice.",
        "Could not get past the checkout page on my phone, the button did nothing.",
        "Why do I need a password to buy a pair of socks on my mobile?",
        "Checkout froze on the phone and I lost my discount code.",
    ),
    "checkout": (
        "Paying was quick and clear.",
        "Would prefer to check out without an account.",
        "Checkout was grand, card saved from last time.",
        "The voucher box at the checkout is hard to find.",
        "Nice short checkout on the computer.",
    ),
    "support ticket": (
        "Customer service answered within the hour, thank you.",
        "Had to write three times before anyone replied.",
        "The chat person sorted it out straight away.",
        "Support was polite but could not say where my order was.",
        "Nobody picks up the phone on a Saturday.",
    ),
    "order": (
        "Great quality for the price, the knitwear is lovely.",
        "The colour was not like the picture.",
        "Sizes come up small, the size guide is not much help.",
        "Lovely linen shirts, wore one all summer.",
        "The zip broke after two weeks.",
        "Good range, I always find something for the kids.",
        "Nice staff in the shop and a good sale.",
    ),
    "ticket: late delivery": (
        "Where is my parcel? It was due last week.",
        "My order has not arrived, tracking has not moved for days.",
        "Please tell me when my delivery will come, it is already six days late.",
        "The courier says you never handed the parcel over.",
    ),
    "ticket: return": (
        "I sent the jacket back and there is no refund yet.",
        "How do I return one item of my order?",
        "The return label does not scan at the post office.",
        "Wrong size was sent, I would like to exchange it.",
    ),
    "ticket: checkout": (
        "I cannot pay on my phone, the page jumps back to the basket.",
        "The site says my account already exists but I never made one.",
        "My card was refused at the checkout but works elsewhere.",
        "The checkout wants a password I do not have.",
    ),
    "ticket: other": (
        "Do you have this coat in green?",
        "Can I change the address on my order?",
        "My loyalty points are missing.",
        "The newsletter voucher does not work.",
    ),
}

SOFTWARE: dict[str, tuple[str, ...]] = {
    "setup_error": (
        "Set-up kept failing at the mailbox connection step.",
        "I started the set-up four times before it worked.",
        "The wizard gave an error code and no explanation.",
        "Connecting our domain was a nightmare, DNS instructions are confusing.",
        "Set-up on the app lost everything I had typed.",
        "We waited two days because the import got stuck.",
        "Could not work out which plan the set-up wanted from me.",
    ),
    "setup_completed": (
        "We were up and running in twenty minutes.",
        "Set-up was clear, the checklist is great.",
        "Import from our old tool worked first time.",
        "Easy start, the team was in on the first day.",
        "The welcome e-mails told me exactly what to do next.",
    ),
    "card_payment_failed": (
        "Our card was declined for no reason and we were locked out.",
        "Payment failed and the desk stopped working on a Monday morning.",
        "I had to enter the card three times before billing took it.",
        "Got four payment failed e-mails although the bank says all is fine.",
        "Locked out over a failed card payment, customers were waiting.",
        "The billing page would not accept our new company card.",
    ),
    "inbox_used": (
        "The shared inbox is the best thing we bought this year.",
        "Fast, tidy and it never loses a message.",
        "Search in the inbox is slow with many conversations.",
        "Good tool for a small team, does what it says.",
        "I like the keyboard shortcuts.",
        "Collision warnings save us from double answers.",
    ),
    "automation_created": (
        "Automations save me an hour a day.",
        "Rules are powerful once you understand them.",
        "I wish the automation had a test button.",
        "Routing by language just works.",
    ),
    "report_viewed": (
        "Reports are pretty but I cannot export them.",
        "The weekly report is what I show my boss.",
        "Response time chart is really useful.",
        "Numbers in the report do not match the inbox.",
    ),
    "support_ticket": (
        "Support replied in ten minutes and fixed it.",
        "Waited three days for an answer.",
        "The help person was kind and knew the product.",
        "Help articles are out of date.",
    ),
    "ticket: setup": (
        "Set-up stops with error 412 when I connect the mailbox.",
        "What do I put into the DNS record? The guide shows another screen.",
        "The import has been at 0 percent since yesterday.",
        "Set-up sends me back to the first page each time.",
        "I do not understand what the set-up wants in the domain field.",
    ),
    "ticket: billing": (
        "My card payment failed but the card is fine.",
        "We are locked out after a failed payment, please help.",
        "Please change the card on our account.",
        "I was charged twice after the first payment failed.",
    ),
    "ticket: how-to": (
        "How do I add a teammate?",
        "Can I move conversations between inboxes?",
        "How can I build a rule for weekends?",
        "Where do I find the report by person?",
        "Is there a dark theme?",
    ),
    "ticket: bug": (
        "The app logs me out every few minutes.",
        "Pictures do not load in the inbox.",
        "Notifications come twice on my phone.",
    ),
}

HOTELS: dict[str, tuple[str, ...]] = {
    "en check_in bad": (
        "Stood in a queue for forty minutes to check in.",
        "Only one person at the desk and a long line at check-in.",
        "The check-in queue went out of the door.",
        "After a long flight, half an hour waiting at reception is no welcome.",
        "Check-in was chaos, tired children everywhere in the line.",
        "Room was not ready and the queue at reception did not move.",
    ),
    "en check_in good": (
        "Checked in on my phone and went straight to the room.",
        "Warm welcome at reception and a pastry for the road.",
        "Check-in took two minutes.",
        "The lady at reception upgraded us, lovely start.",
        "Smooth arrival, key ready on the phone.",
    ),
    "en room bad": (
        "The room was noisy, we heard every tram.",
        "Air conditioning did not work.",
        "The bathroom was small and the shower leaked.",
        "Carpet in the room has seen better days.",
    ),
    "en room good": (
        "Beautiful view over the harbour from the room.",
        "The bed was wonderful.",
        "Spotless room and very quiet.",
        "Balcony with evening sun, we loved it.",
    ),
    "en breakfast bad": (
        "Breakfast ran out of bread at nine.",
        "Coffee at breakfast was cold.",
        "Too crowded at breakfast to find a table.",
    ),
    "en breakfast good": (
        "The custard tarts at breakfast are worth the trip.",
        "Great breakfast with fresh fruit.",
        "Best breakfast buffet of our holiday.",
    ),
    "en spa good": (
        "The spa was calm and the massage excellent.",
        "Loved the warm pool after a long walk.",
        "Spa staff were so kind.",
    ),
    "en spa bad": (
        "The sauna was closed during our stay.",
        "Spa was fully booked all weekend.",
    ),
    "en check_out bad": (
        "The bill was wrong and we nearly missed the train.",
        "Minibar charged although we took nothing.",
        "Nobody could print an invoice at check-out.",
    ),
    "en check_out good": (
        "Check-out was quick and they kept our bags.",
        "Dropped the key and left, easy.",
        "Friendly goodbye, we will be back.",
    ),
    "pt check_in bad": (
        "Esperámos quarenta minutos na fila do check-in.",
        "Só uma pessoa na receção e uma fila enorme.",
        "A fila para o check-in chegava à porta.",
        "Chegada muito demorada, as crianças já não aguentavam.",
        "O quarto não estava pronto e ninguém explicava nada na receção.",
    ),
    "pt check_in good": (
        "Fiz o check-in no telemóvel e fui direto para o quarto.",
        "Receção muito simpática, fomos bem recebidos.",
        "Check-in rápido, em dois minutos.",
        "Chegada sem espera, excelente.",
    ),
    "pt room bad": (
        "O quarto era barulhento durante a noite.",
        "O ar condicionado não funcionava.",
        "A casa de banho precisa de obras.",
    ),
    "pt room good": (
        "Vista maravilhosa sobre o porto.",
        "Quarto limpo e muito confortável.",
        "A cama era ótima, dormimos muito bem.",
    ),
    "pt breakfast bad": (
        "O pequeno-almoço estava frio.",
        "Faltava pão às nove da manhã.",
        "Sala do pequeno-almoço demasiado cheia.",
    ),
    "pt breakfast good": (
        "Pequeno-almoço excelente, com fruta fresca.",
        "Os pastéis de nata ao pequeno-almoço são uma maravilha.",
        "Boa variedade ao pequeno-almoço.",
    ),
    "pt spa good": (
        "O spa é um sonho, voltaremos.",
        "Massagem excelente no spa.",
    ),
    "pt spa bad": (
        "A sauna estava fechada.",
        "Não havia vagas no spa.",
    ),
    "pt check_out bad": (
        "A conta tinha um erro e demorou a corrigir.",
        "Cobraram o minibar sem razão.",
    ),
    "pt check_out good": (
        "Saída rápida e guardaram as malas.",
        "Despedida simpática, até à próxima.",
    ),
}

FIRST_NAMES: tuple[str, ...] = (
    "Aoife", "Ciara", "Niamh", "Saoirse", "Orla", "Grainne", "Maeve", "Roisin", "Sinead", "Emer",
    "Conor", "Sean", "Cian", "Padraig", "Declan", "Eoin", "Fergal", "Liam", "Ronan", "Tadhg",
    "Zofia", "Ana", "Chloe", "Sarah", "Megan", "Adam", "Jakub", "David", "Mark", "Thomas",
)  # fmt: skip
LAST_NAMES: tuple[str, ...] = (
    "Murphy", "Kelly", "O’Sullivan", "Walsh", "Byrne", "Ryan", "O’Connor", "Doyle", "McCarthy",
    "Gallagher", "Doherty", "Kennedy", "Lynch", "Murray", "Quinn", "Moore", "McLoughlin", "Nolan",
    "Fitzgerald", "Brennan", "Nowak", "Silva", "Burke", "Daly", "Keane", "Foley", "Healy", "Power",
)  # fmt: skip
COMPANY_WORDS: tuple[tuple[str, ...], tuple[str, ...]] = (
    ("Maple", "Granite", "Harborview", "Bluebird", "Prairie", "Cedar", "Lantern", "Juniper",
     "Summit", "Copper", "Willow", "Northwind", "Sparrow", "Beacon", "Ridge", "Clover", "Anchor",
     "Meadow", "Falcon", "Orchard"),
    ("Dental", "Travel", "Outfitters", "Studio", "Legal", "Bakery", "Logistics", "Fitness",
     "Realty", "Media", "Books", "Robotics", "Roofing", "Tutors", "Events", "Coffee", "Foods",
     "Design", "Accounting", "Pets"),
)  # fmt: skip
